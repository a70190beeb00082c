[(method_declaration) (constructor_declaration) (compact_constructor_declaration) (lambda_expression) (static_initializer)] @scope

[(class_declaration name: (_) @definition) (interface_declaration name: (_) @definition) (enum_declaration name: (_) @definition)]
[(record_declaration name: (_) @definition) (annotation_type_declaration name: (_) @definition)]
(type_parameter (type_identifier) @definition)
(variable_declarator name: (identifier) @definition)
[(formal_parameter name: (identifier) @definition) (spread_parameter (variable_declarator name: (identifier) @definition))]
[(catch_formal_parameter name: (identifier) @definition) (enhanced_for_statement name: (identifier) @definition)]
(resource name: (identifier) @definition)
[(instanceof_expression name: (identifier) @definition) (type_pattern (identifier) @definition)]
(inferred_parameters (identifier) @definition)
(lambda_expression parameters: (identifier) @definition)

(package_declaration (_) @package)
(import_declaration) @import
(type_identifier) @typed
(method_invocation !object name: (identifier) @call)
(method_invocation object: [(identifier) (this)] name: (identifier) @member)
(field_access object: [(identifier) (this)] field: (identifier) @member)

[(class_body) (interface_body) (enum_body) (annotation_type_body)] @type
(field_declaration (variable_declarator name: (identifier) @own))
(constant_declaration (variable_declarator name: (identifier) @own))
(method_declaration name: (identifier) @own)
(enum_constant name: (identifier) @own)
[(class_declaration name: (_) @inner) (interface_declaration name: (_) @inner) (enum_declaration name: (_) @inner) (record_declaration name: (_) @inner)]
(object_creation_expression (class_body) @open)
(enum_constant body: (class_body) @open)

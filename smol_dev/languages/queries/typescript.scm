[(required_parameter pattern: (identifier) @definition) (optional_parameter pattern: (identifier) @definition)]
[(function_signature name: (_) @definition) (enum_declaration name: (_) @definition) (internal_module name: (_) @definition)]
[(abstract_class_declaration name: (_) @definition) (type_alias_declaration name: (_) @definition)]
[(interface_declaration name: (_) @definition) (import_require_clause (identifier) @definition) (import_alias (identifier) @definition)]
(type_parameter name: (_) @definition)
(infer_type (type_identifier) @definition)
(mapped_type_clause name: (_) @definition)
(type_identifier) @typed

[(interface_body) (object_type) (enum_body)] @type
[(public_field_definition name: (_) @own) (property_signature name: (_) @own) (method_signature name: (_) @own) (abstract_method_signature name: (_) @own)]
(enum_body name: (_) @own)
(enum_assignment name: (_) @own)
(required_parameter (accessibility_modifier) pattern: (identifier) @own)
(required_parameter "readonly" pattern: (identifier) @own)
(optional_parameter (accessibility_modifier) pattern: (identifier) @own)
(optional_parameter "readonly" pattern: (identifier) @own)
(module name: (identifier) @definition)
[(index_signature) (construct_signature) (call_signature)] @open
(property_signature name: (computed_property_name) @open)
(public_field_definition name: (computed_property_name) @open)

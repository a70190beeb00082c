(function_item name: (_) @definition)
(function_signature_item name: (_) @definition)
[(struct_item name: (_) @definition) (enum_item name: (_) @definition) (trait_item name: (_) @definition) (type_item name: (_) @definition)]
[(const_item name: (_) @definition) (static_item name: (_) @definition) (mod_item name: (_) @definition) (union_item name: (_) @definition)]
[(type_parameter name: (_) @definition) (const_parameter name: (_) @definition) (associated_type name: (_) @definition)]
(enum_variant name: (_) @definition)
[(source_file (macro_invocation) @open) (source_file (expression_statement (macro_invocation)) @open)]
[(declaration_list (macro_invocation) @open)]
(use_wildcard) @wild
(use_declaration (_) @definition.use)
(extern_crate_declaration (identifier) @definition)

(call_expression function: (identifier) @call)
(type_identifier) @typed
(identifier) @word
(self_parameter) @method

(source_file (mod_item !body name: (_) @mod))
(use_declaration argument: (_) @use)
(scoped_identifier path: [(identifier) (scoped_identifier)] name: (_)) @path
(scoped_type_identifier path: [(identifier) (scoped_identifier)] name: (_)) @path
(field_expression value: (self) field: (field_identifier) @member)

[(impl_item) (struct_item) (enum_item) (trait_item)] @type
(field_declaration name: (_) @own)
(declaration_list (function_item name: (_) @own))
(declaration_list (function_signature_item name: (_) @own))

[(function_declaration) (method_declaration) (func_literal)] @scope

(function_declaration name: (_) @definition.outer)
[(type_spec name: (_) @definition) (type_alias name: (_) @definition)]
[(const_spec (identifier) @definition) (var_spec name: (_) @definition)]
[(parameter_declaration name: (_) @definition) (variadic_parameter_declaration name: (_) @definition)]
(type_parameter_declaration name: (_) @definition)
(short_var_declaration left: (expression_list (identifier) @definition))
(range_clause left: (expression_list (identifier) @definition))
(receive_statement left: (expression_list (identifier) @definition))
(type_switch_statement alias: (expression_list (identifier) @definition))
[(identifier) (type_identifier)] @reference

(import_spec) @import
(selector_expression operand: (identifier) field: (_) @member)
(qualified_type package: (_) name: (_) @member)
(keyed_element key: (literal_element (identifier) @key))
(call_expression function: (identifier) @call)

[(struct_type) (interface_type)] @type
(field_declaration name: (_) @own)
(method_elem name: (_) @own)
(field_declaration !name type: (_) @embedded)
(type_elem) @open
(method_declaration) @method

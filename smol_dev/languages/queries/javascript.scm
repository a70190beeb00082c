; Scopes are whole functions: a name that is declared in a block is taken as known in all of its function.
(arrow_function) @scope
[(function_declaration) (generator_function_declaration) (function_expression) (generator_function) (method_definition)] @scope

(variable_declarator name: (identifier) @definition)
[(function_expression name: (_) @definition) (generator_function name: (_) @definition)]
[(class_declaration name: (_) @definition) (class name: (_) @definition)]
[(function_declaration name: (_) @definition.outer) (generator_function_declaration name: (_) @definition.outer)]
(shorthand_property_identifier_pattern) @definition
(pair_pattern value: (identifier) @definition)
(array_pattern (identifier) @definition)
(rest_pattern (identifier) @definition)
(assignment_pattern left: (identifier) @definition)
(object_assignment_pattern left: (_) @definition)
(arrow_function parameter: (identifier) @definition)
(catch_clause parameter: (identifier) @definition)
(for_in_statement left: (identifier) @definition)
(import_clause (identifier) @definition)
(namespace_import (identifier) @definition)
(import_specifier [name: (identifier) alias: (identifier)] @definition)
(assignment_expression left: (identifier) @made)

[(identifier) (shorthand_property_identifier)] @reference
(member_expression object: [(identifier) (this)] property: [(property_identifier) (private_property_identifier)] @member)
(call_expression function: (identifier) @call)

; What is done with an object as a whole: from then on it may have other members.
(arguments (identifier) @passed)
(variable_declarator value: (identifier) @passed)
(return_statement (identifier) @passed)
(assignment_expression left: (_) @_l right: (identifier) @passed (#not-match? @_l "^(module.)?exports$"))
(assignment_expression left: (subscript_expression object: (identifier) @passed))
(array (identifier) @passed)

; Types: what has members, and what says that there may be more of them.
[(class_body) (object)] @type
(class_body (method_definition name: (_) @own))
(object (method_definition name: (_) @own))
(pair key: (_) @own)
(shorthand_property_identifier) @own
(assignment_expression left: (member_expression object: (this) property: (_) @own))
(object (spread_element) @open)
(pair key: (computed_property_name) @open)
(method_definition name: (computed_property_name) @open)
(assignment_expression left: (subscript_expression object: (this) @open))
(call_expression function: (identifier) arguments: (arguments . (this) @open))
(call_expression function: (member_expression property: (_) @_p) arguments: (arguments . (this) @open)
 (#any-of? @_p "assign" "defineProperty" "defineProperties" "setPrototypeOf" "extend" "mixin"))
(with_statement) @with

(import_statement) @import
(export_statement) @export
(call_expression function: (identifier) @_f arguments: (arguments . (string) @called) (#any-of? @_f "require" "importScripts"))
(call_expression function: (import) arguments: (arguments . (string) @called))
(assignment_expression left: [(member_expression) (subscript_expression)] @assigned)

; The elements, files and templates that a script names.
(call_expression function: (member_expression property: (_) @_m) arguments: (arguments . [(string) (template_string)] @lookup)
 (#any-of? @_m "getElementById" "querySelector" "querySelectorAll" "closest"))
(call_expression function: (identifier) @_j arguments: (arguments . (string) @lookup) (#any-of? @_j "$" "jQuery"))
(call_expression function: (member_expression object: (_) @_o property: (_) @_r) arguments: (arguments . (string) @view)
 (#any-of? @_o "res" "response" "reply") (#any-of? @_r "render" "view"))
(call_expression function: (member_expression property: (_) @_s) arguments: (arguments . (_) @served) (#any-of? @_s "static" "sendFile"))
(call_expression function: (identifier) @_f arguments: (arguments . (string) @loaded) (#eq? @_f "fetch"))
(call_expression function: (member_expression property: (_) @_g) arguments: (arguments . (string) @loaded) (#eq? @_g "register"))
(new_expression constructor: (identifier) @_w arguments: (arguments . (string) @loaded) (#any-of? @_w "Worker" "SharedWorker" "Audio"))
(assignment_expression left: (member_expression property: (_) @_p) right: (string) @loaded (#eq? @_p "src"))
[(string_fragment) (template_string)] @words

; What a script asks for before it uses it.
(unary_expression operator: "!" argument: (_) @tested)
(binary_expression left: (_) @tested operator: ["&&" "||" "??" "==" "!=" "===" "!=="])
(binary_expression operator: "&&" right: (_) @tested)
(ternary_expression condition: (_) @tested)
[(if_statement condition: (_ (_) @tested)) (while_statement condition: (_ (_) @tested))]
(member_expression object: (_) @tested optional_chain: (_))

(program (expression_statement (string) @directive))
(class_heritage) @heritage

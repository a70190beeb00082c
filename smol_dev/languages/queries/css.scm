(call_expression (function_name) @_f (arguments [(string_value) (plain_value)] @address) (#eq? @_f "url"))
(import_statement (string_value) @address)

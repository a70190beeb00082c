(call_expression (function_name) @_f (arguments) @address (#eq? @_f "url"))
(import_statement (string_value) @address)

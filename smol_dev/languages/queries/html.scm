[(start_tag) (self_closing_tag)] @tag
(script_element (start_tag) @opened (raw_text) @script)
(element (start_tag (tag_name) @_name) (#eq? @_name "textarea")) @literal

(formal_parameters (identifier) @definition)
(field_definition property: (_) @own)
(field_definition property: (computed_property_name) @open)

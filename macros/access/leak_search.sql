{# SQL: each text that stands in a column that a source calls personal. #}
{% macro personal_texts() -%}
    {%- set parts = [] -%}
    {%- for node in (graph.sources.values() if execute else []) -%}
        {%- set texts = [] -%}
        {%- for name, mask in masked_columns(node).items() if mask.class == 'personal' and mask.kind in ('key', 'text') -%}
            {%- do texts.append(name) -%}
        {%- endfor -%}
        {%- for name in texts if has_table(node.database, node.schema, node.identifier) -%}
            {%- do parts.append('select ' ~ name ~ ' as personal_text from ' ~ node.relation_name ~ ' where length(' ~ name ~ ') >= 5') -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(parts | join('\n    union\n    ') or "select '' as personal_text where false") }}
{%- endmacro %}

{# SQL: each text that a masked view shows; what_is_wrong names a mart without its view, and one that the
   test does not wait for. #}
{% macro masked_texts() -%}
    {%- set parts = ["select '' as relation_name, '' as column_name, '' as what_is_wrong, '' as shown_text where false"] -%}
    {%- for node in masked_marts() -%}
        {%- set fault = "select '" ~ node.name ~ "', '', " -%}
        {%- if node.unique_id not in model.depends_on.nodes -%}
            {%- do parts.append(fault ~ "'is not listed in this test', ''") -%}
        {%- endif -%}
        {%- if not has_table(node.database, node.schema, node.alias) -%}
            {#- Not built in this warehouse: nothing to see. #}
        {%- elif not has_table(target.database, masked_schema(), node.alias) -%}
            {%- do parts.append(fault ~ "'has no masked view: build it', ''") -%}
        {%- else -%}
            {#- One pass over a view, whatever its number of columns: some are joins of ten tables. #}
            {%- set texts = [] -%}
            {%- for column in node.columns.values() if mask_kind(column.name, column.data_type or '') in ('key', 'text')
                    and column.name not in ('row_hash', 'source_ref', 'load_id') -%}
                {%- do texts.append(column.name) -%}
            {%- endfor -%}
            {%- do parts.append("select '" ~ node.name ~ "', unnest(['" ~ texts | join("', '") ~ "']), '', unnest([" ~ texts | join(', ') ~ ']) from '
                ~ adapter.quote(target.database) ~ '.' ~ masked_schema() ~ '.' ~ node.alias) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(parts | join('\n    union all\n    ')) }}
{%- endmacro %}

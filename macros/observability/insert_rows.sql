{# Elementary writes its results through this macro, which its package lets a project replace (dispatch in
   dbt_project.yml). Its own puts every value into the statement by itself, 20 ms a test result; here the rows travel as
   one JSON text that DuckDB takes apart. What is written is the same. Other warehouses take Elementary's own.
   DuckDB has no largest statement, so that no row is shortened (on_query_exceed). #}
{% macro duckdb__insert_rows(table_relation, rows, should_commit=false, chunk_size=5000, on_query_exceed=none) %}
    {%- if not rows or not table_relation %}
        {{ return(none) }}
    {%- endif %}
    {%- set columns = [] %}
    {%- for column in adapter.get_columns_in_relation(table_relation) %}
        {%- do columns.append(column.name) %}
    {%- endfor %}
    {%- for chunk in rows | batch(chunk_size) %}
        {%- do run_query(insert_json_rows_sql(table_relation, columns, chunk)) %}
    {%- endfor %}
    {%- if should_commit %}
        {%- do adapter.commit() %}
    {%- endif %}
{% endmacro %}

{# Every value as text, which the table's own types take back; created_at is now, and null what is no text, number, list or
   mapping, as Elementary has it. #}
{% macro insert_json_rows_sql(table_relation, columns, rows) -%}
    {%- set written, kinds = [], {} %}
    {%- for column in columns if column | lower != 'created_at' %}
        {%- do kinds.update({column: 'VARCHAR'}) %}
    {%- endfor %}
    {%- for row in rows %}
        {%- set values = {} %}
        {%- for name, value in row.items() %}
            {%- if value is undefined %}
            {%- elif value is string or value is number %}
                {%- do values.update({name | lower: value}) %}
            {%- elif value is mapping or value is sequence %}
                {%- do values.update({name | lower: tojson(value)}) %}
            {%- endif %}
        {%- endfor %}
        {%- set texts = {} %}
        {%- for column in kinds %}
            {%- do texts.update({column: values.get(column | lower)}) %}
        {%- endfor %}
        {%- do written.append(texts) %}
    {%- endfor %}
    insert into {{ table_relation }} ({% for column in columns %}{{ adapter.quote(column) }}{{ ', ' if not loop.last }}{% endfor %})
    select
        {%- for column in columns %}
        {{ 'cast(current_timestamp as timestamp)' if column | lower == 'created_at' else adapter.quote(column) }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from (
        select unnest(from_json('{{ tojson(written) | replace("'", "''") }}', '{{ tojson([kinds]) }}'), recursive := true)
    ) as written
{%- endmacro %}

{# Of nodes and sources that are built or landed: the relation, whether it is a table, and its columns, by the node's
   identifier. #}
{% macro described_tables(nodes) %}
    {{ return(adapter.dispatch('described_tables')(nodes)) }}
{% endmacro %}

{% macro default__described_tables(nodes) %}
    {%- set found = {} %}
    {%- for node in nodes %}
        {%- set relation = adapter.get_relation(node.database, node.schema, node.alias or node.identifier) %}
        {%- if relation %}
            {%- set columns = adapter.get_columns_in_relation(relation) %}
            {%- do found.update({node.unique_id: {'relation': relation, 'is_table': relation.is_table, 'columns': columns}}) %}
        {%- endif %}
    {%- endfor %}
    {{ return(found) }}
{% endmacro %}

{# One question for all of them, and one answer: looking up each by itself takes dbt longer than profiling most of them. #}
{% macro duckdb__described_tables(nodes) %}
    {%- set found, tables = {}, {} %}
    {%- set answer = run_query(
        "select to_json(list({'schema': table_schema, 'name': table_name, 'type': table_type, 'columns': columns}))"
        ~ " from (select table_schema, table_name, table_type,"
        ~ " list([column_name, data_type] order by ordinal_position) as columns"
        ~ " from information_schema.tables inner join information_schema.columns"
        ~ " using (table_catalog, table_schema, table_name) where table_catalog = '" ~ target.database ~ "' group by all)"
    ) %}
    {%- for table in fromjson(answer.columns[0].values()[0] or '[]') %}
        {%- do tables.update({(table.schema ~ '.' ~ table.name) | lower: table}) %}
    {%- endfor %}
    {%- for node in nodes %}
        {%- set identifier = node.alias or node.identifier %}
        {%- set table = tables.get((node.schema ~ '.' ~ identifier) | lower) %}
        {%- if table %}
            {%- set columns, is_table = [], table.type == 'BASE TABLE' %}
            {%- for name, type in table.columns %}
                {%- do columns.append(api.Column(name, type)) %}
            {%- endfor %}
            {%- set relation = api.Relation.create(node.database, node.schema, identifier, type='table' if is_table else 'view') %}
            {%- do found.update({node.unique_id: {'relation': relation, 'is_table': is_table, 'columns': columns}}) %}
        {%- endif %}
    {%- endfor %}
    {{ return(found) }}
{% endmacro %}

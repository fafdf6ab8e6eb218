{# on-run-start: Elementary's tests read and write tables that are models of its package, which a plain `dbt build` of
   this project does not build. Where one is missing it is made empty here, with the package's own columns; the package's
   models take it over when they are built (make build). Nothing to do for the stand-in, which has no such models. #}
{% macro ensure_elementary_tables() %}
    {% if not execute or flags.WHICH not in ['build', 'test', 'retry'] %}
        {{ return('') }}
    {% endif %}
    {% set statements = [] %}
    {% for name in elementary_leftovers() %}
        {% do statements.append('drop table if exists ' ~ name) %}
    {% endfor %}
    {% set needed = {
        'data_monitoring_metrics': 'empty_data_monitoring_metrics',
        'schema_columns_snapshot': 'empty_schema_columns_snapshot',
        'elementary_test_results': 'empty_elementary_test_results',
        'dbt_run_results': 'get_dbt_run_results_empty_table_query'
    } %}
    {% for name, columns in needed.items() %}
        {% set node = graph.nodes.get('model.elementary.' ~ name) %}
        {% if node and adapter.get_relation(node.database, node.schema, node.alias) is none %}
            {% set relation = api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias, type='table') %}
            {% do adapter.create_schema(relation.without_identifier()) %}
            {% do adapter.cache_added(relation) %}
            {% do statements.append('create table if not exists ' ~ relation ~ ' as ' ~ elementary[columns]()) %}
        {% endif %}
    {% endfor %}
    {{ return(statements | join(';\n')) }}
{% endmacro %}

{# Its tests keep their working tables until the end of the run, and leave them when it is killed. On DuckDB no other run can
   be at work on them; elsewhere `dbt run-operation elementary.cleanup_stale_test_tables` drops those older than a day. #}
{% macro elementary_leftovers() %}
    {% set results = graph.nodes.get('model.elementary.' ~ 'elementary_test_results') %}
    {% if not results or target.type != 'duckdb' %}
        {{ return([]) }}
    {% endif %}
    {% set found = run_query(
        "select table_name from information_schema.tables where table_catalog = '" ~ results.database ~ "' and table_schema = '"
        ~ results.schema ~ "' and regexp_full_match(table_name, 'test_.*__tmp_[0-9]+')"
    ) %}
    {% set names = [] %}
    {% for name in found.columns[0].values() %}
        {% do names.append(api.Relation.create(database=results.database, schema=results.schema, identifier=name) | string) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}

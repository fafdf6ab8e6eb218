{# on-run-start: Elementary's tests read and write tables that are models of its package, which a plain `dbt build` of
   this project does not build. Where one is missing it is made empty here, with the package's own columns; the package's
   models take it over when they are built (make build). Nothing to do for the stand-in, which has no such models. #}
{% macro ensure_elementary_tables() %}
    {% if not execute or flags.WHICH not in ['build', 'test', 'retry'] %}
        {{ return('') }}
    {% endif %}
    {% set statements = [] %}
    {% for name in ['data_monitoring_metrics', 'schema_columns_snapshot', 'elementary_test_results'] %}
        {% set node = graph.nodes.get('model.elementary.' ~ name) %}
        {% if node and adapter.get_relation(node.database, node.schema, node.alias) is none %}
            {% set relation = api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias, type='table') %}
            {% do adapter.create_schema(relation.without_identifier()) %}
            {% do adapter.cache_added(relation) %}
            {% do statements.append('create table if not exists ' ~ relation ~ ' as ' ~ elementary['empty_' ~ name]()) %}
        {% endif %}
    {% endfor %}
    {{ return(statements | join(';\n')) }}
{% endmacro %}

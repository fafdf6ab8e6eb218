{# The real package's hooks upload run results and artefacts for its report; the stand-in has no report. What is left is
   the memory of schema_changes: its table is made before, and written after the tests, one statement each, so that
   tests running side by side never write to the same table. #}
{% macro on_run_start() %}
    {% if execute and elementary._runs_tests() and elementary._has_schema_changes_tests() %}
        {% set baseline = elementary._schema_baseline_relation() %}
        {% if adapter.get_relation(baseline.database, baseline.schema, baseline.identifier) is none %}
            {% do adapter.create_schema(baseline.without_identifier()) %}
            {{ return('create table ' ~ baseline ~ ' as ' ~ elementary.schema_baseline_columns()) }}
        {% endif %}
    {% endif %}
    {{ return('') }}
{% endmacro %}

{% macro on_run_end() %}
    {% set observed = graph.get('elementary_observed_columns', {}) %}
    {% if not execute or not observed %}
        {{ return('') }}
    {% endif %}
    {% set rows = [] %}
    {% for relation_name, columns in observed.items() %}
        {% for column_name, data_type in columns.items() %}
            {% do rows.append(
                "(" ~ elementary._text(relation_name) ~ ", " ~ elementary._text(column_name) ~ ", " ~ elementary._text(data_type)
                ~ ", cast('" ~ run_started_at.strftime('%Y-%m-%d %H:%M:%S.%f') ~ "' as " ~ dbt.type_timestamp() ~ "))"
            ) %}
        {% endfor %}
    {% endfor %}
    {{ return(
        'insert into ' ~ elementary._schema_baseline_relation()
        ~ ' (relation_name, column_name, data_type, observed_at) values ' ~ rows | join(', ')
    ) }}
{% endmacro %}

{% macro _runs_tests() %}
    {{ return(flags.WHICH in ['build', 'test', 'retry']) }}
{% endmacro %}

{% macro _has_schema_changes_tests() %}
    {% for node in graph.nodes.values() if node.resource_type == 'test' and node.test_metadata %}
        {% if node.test_metadata.namespace == 'elementary' and node.test_metadata.name == 'schema_changes' %}
            {{ return(true) }}
        {% endif %}
    {% endfor %}
    {{ return(false) }}
{% endmacro %}

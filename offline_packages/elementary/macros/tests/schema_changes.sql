{# Returns the columns added, removed or changed in type since the last run of the test that saw this relation. The first
   run has nothing to compare with and passes. A change is reported until a run ends in which it was seen, so in one run
   only, unless that run dies first. #}
{% test schema_changes(model) %}
    {{ config(tags=['elementary-tests']) }}
    {% if not execute or not elementary._runs_tests() %}{{ return(elementary._no_rows()) }}{% endif %}
    {% set relation = elementary._tested_relation(model) %}
    {% set name = (relation.database ~ '.' ~ relation.schema ~ '.' ~ relation.identifier) | lower %}
    {% set now = {} %}
    {% for column in adapter.get_columns_in_relation(relation) %}
        {% do now.update({column.name | lower: column.data_type | lower}) %}
    {% endfor %}
    {% if not now %}
        {% do exceptions.raise_compiler_error("elementary test " ~ context['model'].name ~ ": " ~ name ~ " has no columns; does it exist?") %}
    {% endif %}
    {% set before = elementary._last_observed_columns(name) %}
    {% if now != before %}
        {% do graph.setdefault('elementary_observed_columns', {}).update({name: now}) %}
    {% endif %}

    {% set changes = [] %}
    {% for column, data_type in now.items() if before %}
        {% if column not in before %}
            {% do changes.append(['column_added', column, '', data_type]) %}
        {% elif before[column] != data_type %}
            {% do changes.append(['type_changed', column, before[column], data_type]) %}
        {% endif %}
    {% endfor %}
    {% for column, data_type in before.items() if column not in now %}
        {% do changes.append(['column_removed', column, data_type, '']) %}
    {% endfor %}
    {% for change in changes %}
        select
            {{ elementary._text(name) }} as relation_name,
            {{ elementary._text(change[0]) }} as change,
            {{ elementary._text(change[1]) }} as column_name,
            {{ elementary._text(change[2]) }} as previous_data_type,
            {{ elementary._text(change[3]) }} as data_type
        {% if not loop.last %}union all{% endif %}
    {% else %}
        {{ elementary._no_rows() }}
    {% endfor %}
{% endtest %}

{# Column name to type as last stored; empty when the relation was never seen. #}
{% macro _last_observed_columns(name) %}
    {% set baseline = elementary._schema_baseline_relation() %}
    {% set rows = run_query(
        'select column_name, data_type from ' ~ baseline ~ ' where relation_name = ' ~ elementary._text(name)
        ~ ' and observed_at = (select max(observed_at) from ' ~ baseline ~ ' where relation_name = ' ~ elementary._text(name) ~ ')'
    ).rows %}
    {% set columns = {} %}
    {% for row in rows %}{% do columns.update({row[0]: row[1]}) %}{% endfor %}
    {{ return(columns) }}
{% endmacro %}

{# Where the model schema_columns_baseline lives, whether or not it was ever built. #}
{% macro _schema_baseline_relation() %}
    {% set node = graph.nodes['model.elementary.schema_columns_baseline'] %}
    {{ return(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias, type='table')) }}
{% endmacro %}

{% macro schema_baseline_columns() %}
    select
        cast('' as {{ dbt.type_string() }}) as relation_name,
        cast('' as {{ dbt.type_string() }}) as column_name,
        cast('' as {{ dbt.type_string() }}) as data_type,
        cast('2000-01-01 00:00:00' as {{ dbt.type_timestamp() }}) as observed_at
    where 1 = 0
{% endmacro %}

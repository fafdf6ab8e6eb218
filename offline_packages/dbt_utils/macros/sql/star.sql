{# The columns of a relation, comma separated. `except` is matched without regard to case; `rename` maps a column to its
   new name and wins over prefix and suffix. #}
{% macro star(from, relation_alias=false, except=[], prefix='', suffix='', quote_identifiers=true, unquote_aliases=false, rename={}) %}
    {{ return(adapter.dispatch('star', 'dbt_utils')(
        from, relation_alias, except, prefix, suffix, quote_identifiers, unquote_aliases, rename
    )) }}
{% endmacro %}

{% macro default__star(from, relation_alias=false, except=[], prefix='', suffix='', quote_identifiers=true, unquote_aliases=false, rename={}) %}
    {% do dbt_utils._assert_queryable_relation(from, 'star') %}
    {% if not execute %}
        {{ return('*') }}
    {% endif %}
    {% set left_out = except | map('lower') | list %}
    {% set new_names = {} %}
    {% for old, new in rename.items() %}{% do new_names.update({old | lower: new}) %}{% endfor %}

    {% set items = [] %}
    {% for column in adapter.get_columns_in_relation(from) if column.name | lower not in left_out %}
        {% set name = column.name %}
        {% set item = adapter.quote(name) if quote_identifiers else name %}
        {% set affixed = prefix ~ name ~ suffix %}
        {% set alias = none %}
        {% if name | lower in new_names %}
            {% set alias = new_names[name | lower] %}
        {% elif quote_identifiers and unquote_aliases %}
            {% set alias = affixed %}
        {% elif affixed != name %}
            {% set alias = adapter.quote(affixed) if quote_identifiers else affixed %}
        {% endif %}
        {% do items.append((relation_alias ~ '.' if relation_alias else '') ~ item ~ (' as ' ~ alias if alias else '')) %}
    {% endfor %}

    {% if items %}
        {{ return(items | join(',\n  ')) }}
    {% elif flags.WHICH == 'compile' %}
        {{ return('*\n/* star() found no column: the relation does not exist yet, or all columns were left out */') }}
    {% endif %}
    {{ return('/* no columns returned from star() macro */') }}
{% endmacro %}

{# Stops with a plain message where a relation with columns in the catalogue is needed. #}
{% macro _assert_queryable_relation(candidate, macro_name) %}
    {% if not (candidate is mapping and candidate.get('metadata', {}).get('type', '').endswith('Relation')) %}
        {% do exceptions.raise_compiler_error(
            "Macro " ~ macro_name ~ " expected a Relation but received the value: " ~ candidate ~ "; pass ref() or source()"
        ) %}
    {% elif candidate.is_cte %}
        {% do exceptions.raise_compiler_error(
            "Macro " ~ macro_name ~ " cannot read the columns of the ephemeral model " ~ candidate.name
            ~ ": materialize it as a view or table"
        ) %}
    {% endif %}
{% endmacro %}

{# Returns each range that ends before it begins, or meets the next one of its partition otherwise than `gaps` says:
   allowed (upper <= next lower), not_allowed (upper = next lower), required (upper < next lower). Null bounds fail,
   except the upper bound's missing successor on the last range. #}
{% test mutually_exclusive_ranges(model, lower_bound_column, upper_bound_column, partition_by=none, gaps='allowed', zero_length_range_allowed=false) %}
    {{ return(adapter.dispatch('test_mutually_exclusive_ranges', 'dbt_utils')(
        model, lower_bound_column, upper_bound_column, partition_by, gaps, zero_length_range_allowed
    )) }}
{% endtest %}

{% macro default__test_mutually_exclusive_ranges(model, lower_bound_column, upper_bound_column, partition_by=none, gaps='allowed', zero_length_range_allowed=false) %}
    {% set meets_next = {'allowed': '<=', 'not_allowed': '=', 'required': '<'}.get(gaps) %}
    {% if meets_next is none %}
        {% do exceptions.raise_compiler_error(
            "`gaps` argument for mutually_exclusive_ranges test must be one of ['not_allowed', 'allowed', 'required'] Got: '" ~ gaps ~ "'."
        ) %}
    {% endif %}
    {% set partition = 'partition by ' ~ partition_by if partition_by else '' %}
    {% set ends_after_start = '<=' if zero_length_range_allowed else '<' %}
    with ranges as (
        select
            {% if partition_by %}{{ partition_by }} as partition_by_col,{% endif %}
            {{ lower_bound_column }} as lower_bound,
            {{ upper_bound_column }} as upper_bound,
            lead({{ lower_bound_column }}) over (
                {{ partition }} order by {{ lower_bound_column }}, {{ upper_bound_column }}
            ) as next_lower_bound,
            row_number() over (
                {{ partition }} order by {{ lower_bound_column }} desc, {{ upper_bound_column }} desc
            ) as position_from_end
        from {{ model }}
    )

    select *
    from ranges
    where
        not coalesce(lower_bound {{ ends_after_start }} upper_bound, false)
        or not coalesce(upper_bound {{ meets_next }} next_lower_bound, position_from_end = 1)
{% endmacro %}

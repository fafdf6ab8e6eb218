{# Compares row counts, of the whole tables or of each group; fails by the summed difference.
   As in the real package only groups that both sides have are compared: a group, or a whole table, without any row on
   one side counts as no difference. Where emptiness matters, test for it separately. #}
{% test equal_rowcount(model, compare_model, group_by_columns=[]) %}
    {{ return(adapter.dispatch('test_equal_rowcount', 'dbt_utils')(model, compare_model, group_by_columns)) }}
{% endtest %}

{% macro default__test_equal_rowcount(model, compare_model, group_by_columns) %}
    {{ config(fail_calc='sum(coalesce(diff_count, 0))') }}
    {% set groups = group_by_columns | join(', ') %}
    {% set listed = groups ~ ', ' if groups else '' %}
    with left_counts as (
        select {{ listed }}1 as whole_table, count(*) as row_count
        from {{ model }}
        group by {{ listed }}whole_table
    ),

    right_counts as (
        select {{ listed }}1 as whole_table, count(*) as row_count
        from {{ compare_model }}
        group by {{ listed }}whole_table
    )

    select
        {% for column in group_by_columns %}
        left_counts.{{ column }} as {{ column }}_a,
        right_counts.{{ column }} as {{ column }}_b,
        {% endfor %}
        left_counts.row_count as count_a,
        right_counts.row_count as count_b,
        abs(left_counts.row_count - right_counts.row_count) as diff_count
    from left_counts
    full join right_counts
        on left_counts.whole_table = right_counts.whole_table
        {% for column in group_by_columns %}
        and left_counts.{{ column }} = right_counts.{{ column }}
        {% endfor %}
{% endmacro %}

{# Returns the rows for which the expression is false; a null result passes. On a column, the expression follows its name. #}
{% test expression_is_true(model, expression, column_name=none) %}
    {{ return(adapter.dispatch('test_expression_is_true', 'dbt_utils')(model, expression, column_name)) }}
{% endtest %}

{% macro default__test_expression_is_true(model, expression, column_name) %}
    {% set condition = expression if column_name is none else column_name ~ ' ' ~ expression %}
    select {{ '*' if should_store_failures() else '1 as failed' }}
    from {{ model }}
    where not ({{ condition }})
{% endmacro %}

{# One row per `datepart` from start_date on, before end_date, in a column named date_<datepart>. Both dates are SQL
   expressions. The warehouse counts the periods once, when the model is compiled. #}
{% macro date_spine(datepart, start_date, end_date) %}
    {{ return(adapter.dispatch('date_spine', 'dbt_utils')(datepart, start_date, end_date)) }}
{% endmacro %}

{% macro default__date_spine(datepart, start_date, end_date) %}
    {% set periods = dbt_utils.get_intervals_between(start_date, end_date, datepart) %}
    select date_{{ datepart }}
    from (
        select {{ dbt.dateadd(datepart, 'generated_number - 1', start_date) }} as date_{{ datepart }}
        from ({{ dbt_utils.generate_series(periods) }}) as series
    ) as spine
    where date_{{ datepart }} <= {{ end_date }}
{% endmacro %}

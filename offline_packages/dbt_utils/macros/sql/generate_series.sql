{# The whole numbers 1 .. upper_bound in a column generated_number: as many decimal digits cross joined as the bound has. #}
{% macro generate_series(upper_bound) %}
    {{ return(adapter.dispatch('generate_series', 'dbt_utils')(upper_bound)) }}
{% endmacro %}

{% macro default__generate_series(upper_bound) %}
    {% set bound = upper_bound | int %}
    {% if bound < 1 %}
        {% do exceptions.raise_compiler_error(
            "upper bound must be positive: generate_series got " ~ upper_bound
        ) %}
    {% endif %}
    {% set places = (bound - 1) | string | length %}
    select generated_number
    from (
        select
            1 {%- for place in range(places) %} + d{{ place }}.digit * {{ 10 ** place }}{% endfor %} as generated_number
        from
            {%- for place in range(places) %}
            {% if not loop.first %}cross join {% endif -%}
            (
                {%- for digit in range(10) %}select {{ digit }} as digit{% if not loop.last %} union all {% endif %}{% endfor -%}
            ) as d{{ place }}
            {%- endfor %}
    ) as numbers
    where generated_number <= {{ bound }}
{% endmacro %}


{# An amount with four decimals as a whole number of its smallest unit, wide enough to be multiplied by another one. #}
{% macro whole_units(amount) -%}
    {{ return(adapter.dispatch('whole_units')(amount)) }}
{%- endmacro %}

{% macro default__whole_units(amount) -%}
    cast(cast({{ amount }} as decimal(28, 4)) * 10000 as hugeint)
{%- endmacro %}

{% macro snowflake__whole_units(amount) -%}
    cast(cast({{ amount }} as decimal(28, 4)) * 10000 as decimal(38, 0))
{%- endmacro %}

{# a / b without what is left over, exact for whole numbers of any size. Snowflake's division rounds after six digits, so
   the rest is taken off before it. #}
{% macro whole_division(dividend, divisor) -%}
    {{ return(adapter.dispatch('whole_division')(dividend, divisor)) }}
{%- endmacro %}

{% macro default__whole_division(dividend, divisor) -%}
    ({{ dividend }}) // ({{ divisor }})
{%- endmacro %}

{% macro snowflake__whole_division(dividend, divisor) -%}
    ({{ dividend }} - mod({{ dividend }}, {{ divisor }})) / ({{ divisor }})
{%- endmacro %}

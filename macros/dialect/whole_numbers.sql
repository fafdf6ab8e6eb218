{# Whole numbers that hold any amount in its smallest unit, and the product of two of them. #}
{% macro whole_type() -%}
    {{ return(adapter.dispatch('whole_type')()) }}
{%- endmacro %}

{% macro default__whole_type() -%}
    bigint
{%- endmacro %}

{% macro snowflake__whole_type() -%}
    decimal(38, 0)
{%- endmacro %}

{% macro wide_whole_type() -%}
    {{ return(adapter.dispatch('wide_whole_type')()) }}
{%- endmacro %}

{% macro default__wide_whole_type() -%}
    hugeint
{%- endmacro %}

{% macro snowflake__wide_whole_type() -%}
    decimal(38, 0)
{%- endmacro %}

{# An amount with four decimals as a whole number of its smallest unit. #}
{% macro whole_units(amount) -%}
    cast(cast(cast({{ amount }} as decimal(18, 4)) as decimal(24, 4)) * 10000 as {{ whole_type() }})
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

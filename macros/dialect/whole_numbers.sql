{# Whole numbers that hold any amount in its smallest unit. #}
{% macro whole_type() -%}
    {{ return(adapter.dispatch('whole_type')()) }}
{%- endmacro %}

{% macro default__whole_type() -%}
    bigint
{%- endmacro %}

{% macro snowflake__whole_type() -%}
    decimal(38, 0)
{%- endmacro %}

{# An amount with four decimals as a whole number of its smallest unit, and back again. #}
{% macro whole_units(amount) -%}
    {{ return(adapter.dispatch('whole_units')(amount)) }}
{%- endmacro %}

{# In 64 bits where the amount is below a thousand million: see amount_product. #}
{% macro default__whole_units(amount) -%}
    case
        when {{ amount }} between -999999998 and 999999998
            then cast(cast({{ amount }} as decimal(13, 4)) * cast(10000 as decimal(5, 0)) as bigint)
        else {{ snowflake__whole_units(amount) }}
    end
{%- endmacro %}

{% macro snowflake__whole_units(amount) -%}
    cast(cast(cast({{ amount }} as decimal(18, 4)) as decimal(24, 4)) * 10000 as {{ whole_type() }})
{%- endmacro %}

{% macro amount_of_units(units) -%}
    {{ return(adapter.dispatch('amount_of_units')(units)) }}
{%- endmacro %}

{% macro default__amount_of_units(units) -%}
    case
        when {{ units }} between -9999999999999 and 9999999999999
            then cast(cast({{ units }} as decimal(13, 0)) * cast(0.0001 as decimal(5, 4)) as decimal(18, 4))
        else {{ snowflake__amount_of_units(units) }}
    end
{%- endmacro %}

{% macro snowflake__amount_of_units(units) -%}
    cast(cast({{ units }} as decimal(30, 0)) * 0.0001 as decimal(18, 4))
{%- endmacro %}

{# round(a * b / c), halves up, exact for whole numbers of any size. #}
{% macro whole_share(total, part, whole) -%}
    {{ return(adapter.dispatch('whole_share')(total, part, whole)) }}
{%- endmacro %}

{# 64 bits hold 2 * a * b + c when neither of them is above two thousand million; 128 bits take ten times as long. #}
{% macro default__whole_share(total, part, whole) -%}
    case
        when {{ total }} <= 2000000000 and {{ whole }} <= 2000000000
            then (2 * {{ total }} * cast({{ part }} as bigint) + {{ whole }}) // (2 * {{ whole }})
        else cast((2 * cast({{ total }} as hugeint) * {{ part }} + {{ whole }}) // (2 * cast({{ whole }} as hugeint)) as bigint)
    end
{%- endmacro %}

{# Snowflake's division rounds after six digits, so what is left over is taken off before it. #}
{% macro snowflake__whole_share(total, part, whole) -%}
    {%- set doubled = "2 * cast(" ~ total ~ " as decimal(38, 0)) * " ~ part ~ " + " ~ whole -%}
    (({{ doubled }}) - mod({{ doubled }}, 2 * {{ whole }})) / (2 * {{ whole }})
{%- endmacro %}

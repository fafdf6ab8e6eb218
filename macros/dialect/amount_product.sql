{# Product of two decimals, rounded to the four decimals of an amount. `digits` are those before and after the point that
   the first number has as a rule, `other_digits` the second's; no number may have more after its point. Larger numbers
   come out just as exact, only slower. #}
{% macro amount_product(number, other, digits, other_digits) -%}
    {{ return(adapter.dispatch('amount_product')(number, other, digits, other_digits)) }}
{%- endmacro %}

{# DuckDB keeps a decimal of up to 18 digits in 64 bits. Beyond, rounding one takes thirty times as long; and not widened,
   the product of two of 18 digits would not fit. So the numbers are narrowed where they are small enough. #}
{% macro default__amount_product(number, other, digits, other_digits) -%}
    {%- if digits | sum + other_digits | sum != 18 -%}
        {{ exceptions.raise_compiler_error("amount_product: digits and other_digits have to be 18 together") }}
    {%- endif -%}
    {%- set limit, other_limit = 10 ** digits[0] - 1, 10 ** other_digits[0] - 1 -%}
    case
        when {{ number }} between -{{ limit }} and {{ limit }} and {{ other }} between -{{ other_limit }} and {{ other_limit }}
            then cast(
                cast({{ number }} as decimal({{ digits | sum }}, {{ digits[1] }}))
                * cast({{ other }} as decimal({{ other_digits | sum }}, {{ other_digits[1] }})) as decimal(18, 4)
            )
        else cast(
            cast({{ number }} as decimal({{ 20 + digits[1] }}, {{ digits[1] }})) * {{ other }} as decimal(18, 4)
        )
    end
{%- endmacro %}

{% macro snowflake__amount_product(number, other, digits, other_digits) -%}
    cast(cast({{ number }} as decimal({{ 20 + digits[1] }}, {{ digits[1] }})) * {{ other }} as decimal(18, 4))
{%- endmacro %}

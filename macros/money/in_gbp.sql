{# The reporting currency. Rates come from the seed exchange_rates, joined by rate_at; without a rate the amount is null and
   the row belongs in quarantine. Rates have six decimals and, so far, one digit before them. #}
{% macro in_gbp(amount, rates='rates') -%}
    {{ amount_product(amount, rates ~ '.gbp_per_unit', digits=[7, 4], other_digits=[1, 6]) }}
{%- endmacro %}

{# Join condition: the rate of the month that holds the day. By equality on the month's first day, which a test of the seed
   guarantees: compared as a range, every row would meet all months of its currency first. #}
{% macro rate_at(currency_code, day, rates='rates') -%}
    {{ currency_code }} = {{ rates }}.currency_code
        and cast({{ dbt.date_trunc('month', 'cast(' ~ day ~ ' as date)') }} as date) = {{ rates }}.valid_from_date
{%- endmacro %}

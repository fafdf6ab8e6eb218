{# The reporting currency. Rates come from the seed exchange_rates, joined by rate_at; without a rate the amount is null and
   the row belongs in quarantine. Widened before multiplying, because DuckDB keeps the product in 18 digits otherwise. #}
{% macro in_gbp(amount, rates='rates') -%}
    cast(cast({{ amount }} as decimal(24, 4)) * {{ rates }}.gbp_per_unit as decimal(18, 4))
{%- endmacro %}

{# Join condition: the rate of the month that holds the day. #}
{% macro rate_at(currency_code, day, rates='rates') -%}
    {{ currency_code }} = {{ rates }}.currency_code
        and cast({{ day }} as date) >= {{ rates }}.valid_from_date
        and cast({{ day }} as date) < {{ rates }}.valid_to_date
{%- endmacro %}

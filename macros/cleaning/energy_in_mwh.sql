{# 1 MWh is 3.6 GJ. A cubic metre of gas holds 2.04542 / 0.1829 = 11.1833 kWh: the UK government's conversion factors of
   2024 give natural gas both kg CO2e per m3 and per kWh of gross calorific value, so emissions agree whichever way.
   An unknown unit gives null, for a test to find. Factors, not divisors: DuckDB divides decimals as floating point. #}
{% macro energy_in_mwh(value, unit) -%}
    cast(
            cast({{ value }} as decimal(20, 4)) * case {{ unit }}
                when 'MWh' then 1
                when 'kWh' then 0.001
                when 'GJ' then 0.2777777777777778
                when 'm3' then 0.0111833
            end as decimal(24, 6)
        )
{%- endmacro %}

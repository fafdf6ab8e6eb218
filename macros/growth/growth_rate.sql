{# Growth against an earlier period: 0.25 is a quarter more. Null where the earlier one is not known or nothing: growth from
   nothing is undefined, never infinite. #}
{% macro growth_rate(current, previous) -%}
    {{ share_of('(' ~ current ~ ' - ' ~ previous ~ ')', 'case when ' ~ previous ~ ' > 0 then ' ~ previous ~ ' end') }}
{%- endmacro %}

{# More than so many times the earlier period (var implausible_growth_factor), or less than one so-manieth of it. False where
   growth is undefined. #}
{% macro is_implausible_growth(current, previous) -%}
    {%- set factor = var('implausible_growth_factor') | string -%}
    {%- if not modules.re.fullmatch('[0-9]+([.][0-9]+)?', factor) or factor | float <= 1 -%}
        {{ exceptions.raise_compiler_error("var implausible_growth_factor is '" ~ factor ~ "'; give a number above 1") }}
    {%- endif -%}
    coalesce(
        {{ previous }} > 0 and ({{ current }} > {{ factor }} * {{ previous }} or {{ factor }} * {{ current }} < {{ previous }}), false
    )
{%- endmacro %}

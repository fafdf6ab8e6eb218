{# Country of a BIC (ISO 9362): its fifth and sixth character, an ISO 3166-1 code. #}
{% macro bic_country(column) -%}
    substring({{ column }}, 5, 2)
{%- endmacro %}

{# A BIC with 0 in the eighth place is for tests only and names no bank. An eleven-character one ends in a branch, which
   never begins with X unless it consists of X alone, the head office. #}
{% macro bic_is_live(column) -%}
    coalesce(
        length({{ column }}) in (8, 11)
        and substring({{ column }}, 8, 1) <> '0'
        and (length({{ column }}) = 8 or substring({{ column }}, 9, 1) <> 'X' or replace(substring({{ column }}, 9), 'X', '') = ''),
        false
    )
{%- endmacro %}

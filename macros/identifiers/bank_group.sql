{# Institution of a BIC (ISO 9362): its first four characters. #}
{% macro bic_institution(column) -%}
    substring({{ column }}, 1, 4)
{%- endmacro %}

{# The group of a bank, where the seed partner_banks is joined on its institution. A bank that no line names stays apart from others
   of its kind under a name of its own: its payments belong to the client's wallet, and who adds the line finds the code. #}
{% macro bank_group(bic, partner_banks='partner_banks') -%}
    coalesce({{ partner_banks }}.bank_group, 'unmapped ' || {{ bic_institution(bic) }})
{%- endmacro %}

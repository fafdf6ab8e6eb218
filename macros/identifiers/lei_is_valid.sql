{# Check digits of a legal entity identifier (ISO 17442, MOD 97-10 of ISO 7064): letters count as 10 to 35, and the number
   that results leaves 1 when divided by 97. It has up to 40 digits, more than any decimal holds, so the remainder is
   carried on from character to character. Whatever is no capital or digit, and null, is not valid. #}
{% macro lei_is_valid(column) -%}
    {%- set ns = namespace(remainder='0') -%}
    {%- for place in range(1, 21) -%}
        {%- set character = 'substring(' ~ column ~ ', ' ~ place ~ ', 1)' -%}
        {%- set found = text_position(character, "'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'") -%}
        {%- set ns.remainder = '((' ~ ns.remainder ~ ') * case when ' ~ found ~ ' > 10 then 100 else 10 end + nullif('
            ~ found ~ ', 0) - 1) % 97' -%}
    {%- endfor -%}
    coalesce(length({{ column }}) = 20 and {{ ns.remainder }} = 1, false)
{%- endmacro %}

{# One test for all rules of a model: a test costs about 30 ms of dbt, whatever it checks, and this one still names each
   rule a row breaks. A rule that comes out null counts as broken, which dbt_utils.expression_is_true would let pass. #}
{% test rules_hold(model, key, rules) %}
    {%- if not rules %}
        {{ exceptions.raise_compiler_error(
            "rules_hold on " ~ model ~ " has no rules; give at least one as name: condition"
        ) }}
    {%- endif %}
    {%- for name, condition in rules.items() %}
    select
        '{{ name }}' as broken_rule,
        cast({{ key }} as {{ dbt.type_string() }}) as record_key
    from {{ model }}
    where not coalesce({{ condition }}, false)
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{% endtest %}

with rules as (

    {% for rule in quarantine_catalogue() %}
    select
        '{{ rule.entity }}' as entity_name,
        '{{ rule.code }}' as reason_code,
        '{{ rule.severity }}' as severity,
        '{{ dbt.escape_single_quotes(rule.means) }}' as meaning,
        '{{ dbt.escape_single_quotes(rule.holds) }}' as good_row_condition,
        '{{ rule.group }}' as owner_group,
        '{{ rule.model }}' as judging_model
    union all
    {% endfor %}
    -- Gives the columns their types; a project without rules has an empty catalogue.
    select
        cast(null as {{ dbt.type_string() }}) as entity_name,
        cast(null as {{ dbt.type_string() }}) as reason_code,
        cast(null as {{ dbt.type_string() }}) as severity,
        cast(null as {{ dbt.type_string() }}) as meaning,
        cast(null as {{ dbt.type_string() }}) as good_row_condition,
        cast(null as {{ dbt.type_string() }}) as owner_group,
        cast(null as {{ dbt.type_string() }}) as judging_model

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['judging_model', 'reason_code']) }} as quarantine_rule_key,
        rules.*
    from rules
    where reason_code is not null

)

select * from final

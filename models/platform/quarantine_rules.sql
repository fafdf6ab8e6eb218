with rules as (

    -- A list of values, not a union: DuckDB 2.0 hangs on `limit` over some forty united one-row selects.
    select listed.*
    from (
        values
        {% for rule in quarantine_catalogue() %}
        (
            '{{ rule.entity }}',
            '{{ rule.code }}',
            '{{ rule.severity }}',
            '{{ dbt.escape_single_quotes(rule.means) }}',
            '{{ dbt.escape_single_quotes(rule.holds) }}',
            '{{ rule.group }}',
            '{{ rule.model }}'
        ),
        {% endfor %}
        -- Closes the list, also in a project without rules.
        ('', '', '', '', '', '', '')
    ) as listed (entity_name, reason_code, severity, meaning, good_row_condition, owner_group, judging_model)

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['judging_model', 'reason_code']) }} as quarantine_rule_key,
        rules.*
    from rules
    where rules.reason_code <> ''

)

select * from final

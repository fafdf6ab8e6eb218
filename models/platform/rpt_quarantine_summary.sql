with held as (

    select * from {{ ref('fct_quarantined_rows') }}

),

rules as (

    select * from {{ ref('quarantine_rules') }}

),

-- A row with three reasons counts under each of them. Codes are separated by blanks, and none is part of another then.
by_code as (

    select
        rules.quarantine_rule_key,
        count(*) as quarantined_row_count,
        min(held.landed_at) as oldest_landed_at,
        max(held.landed_at) as newest_landed_at
    from held
    inner join rules
        on held.entity_name = rules.entity_name
        and {{ text_position("' ' || rules.reason_code || ' '", "' ' || held.reason_codes || ' '") }} > 0
    group by rules.quarantine_rule_key

),

final as (

    select
        rules.quarantine_rule_key,
        rules.entity_name,
        rules.reason_code,
        rules.severity,
        rules.meaning,
        rules.owner_group,
        coalesce(by_code.quarantined_row_count, 0) as quarantined_row_count,
        by_code.oldest_landed_at,
        by_code.newest_landed_at
    from rules
    left join by_code on rules.quarantine_rule_key = by_code.quarantine_rule_key
    -- A warning never quarantines: its rows are in the marts, marked.
    where rules.severity <> 'warn'

)

select * from final

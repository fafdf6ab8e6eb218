with balances as (

    select * from {{ ref('int_clients__balances_validated') }}
    where reason_codes is null

),

final as (

    select
        balance_key,
        relationship_id,
        balance_amount_gbp,
        balance_date as valid_from_date,
        -- A balance holds until the next one.
        coalesce(
            lead(balance_date) over (partition by relationship_id order by balance_date),
            cast({{ history_end() }} as date)
        ) as valid_to_date
    from balances

)

select * from final

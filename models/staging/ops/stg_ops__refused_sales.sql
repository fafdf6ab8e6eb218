-- What orders and products that wait in the dead letters say about place, day and amount, for the reconciliation with
-- the ledger. Nothing else of the payload leaves raw_ops: it may hold personal data.
with source as (

    select * from {{ source('ops', 'dead_letters') }}
    where source = 'atom' and dataset in ('orders', 'products') and replayed_at is null

),

final as (

    select
        dead_letter_id,
        dataset as dataset_name,
        record_key,
        reason_codes,
        {{ json_text('payload', 'tenant') }} as tenant_id,
        upper({{ json_text('payload', 'currency') }}) as currency_code,
        {{ dbt.safe_cast(json_text('payload', 'freight_amount'), 'decimal(18, 4)') }} as freight_amount,
        {{ dbt.safe_cast(json_text('payload', 'unit_cost'), 'decimal(18, 4)') }} as unit_cost_amount,
        -- The first ten characters of every time that lands are its day.
        {{ dbt.safe_cast('substr(' ~ json_text('payload', 'ordered_at') ~ ', 1, 10)', 'date') }} as ordered_date,
        {{ dbt.safe_cast('substr(' ~ json_text('payload', 'shipped_at') ~ ', 1, 10)', 'date') }} as shipped_date,
        {{ utc_timestamp('landed_at') }} as landed_at
    from source

)

select * from final

with source as (

    select * from {{ source('emerald', 'balances') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['relationship_id', 'balance_date']) }} as balance_key,
        relationship_id,
        currency as currency_code,
        balance_amount,
        balance_date,
        {{ utc_timestamp('modified_at') }} as last_modified_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final

with source as (

    select * from {{ source('oracle', 'gl_accounts') }}

),

final as (

    select
        account as gl_account_id,
        description as gl_account_name,
        lower(account_type) as account_type,
        {{ blank_to_null('parent_account') }} as parent_gl_account_id,
        enabled_flag as is_enabled,
        start_date,
        end_date,
        {{ utc_timestamp('last_update_date') }} as last_updated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    -- A tombstone leaves here, so that a snapshot sees the account go.
    where coalesce(_is_deleted, false) = false

)

select * from final

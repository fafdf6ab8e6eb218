with source as (

    select * from {{ source('incentive', 'payouts') }}

),

final as (

    select
        payout_id,
        {{ dbt_utils.generate_surrogate_key(['plan_id', 'plan_version']) }} as plan_version_key,
        plan_id,
        plan_version,
        employee_id,
        order_id,
        status as payout_status,
        currency as currency_code,
        basis_amount,
        payout_amount,
        cast(period_month || '-01' as date) as period_start_date,
        paid_on as paid_date,
        {{ utc_timestamp('updated_at') }} as updated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final

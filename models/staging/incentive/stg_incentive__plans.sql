with source as (

    select * from {{ source('incentive', 'plans') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['plan_id', 'version']) }} as plan_version_key,
        plan_id,
        version as plan_version,
        plan_name,
        metric as plan_metric,
        currency as currency_code,
        rate_percent,
        cap_amount,
        valid_from as valid_from_date,
        valid_to as valid_to_date,
        {{ utc_timestamp('updated_at') }} as updated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final

with versions as (

    select * from {{ ref('snap_sap__suppliers') }}

),

countries as (

    select * from {{ ref('countries') }}

),

history as (

    select
        versions.*,
        {{ scd2_columns('supplier_id', 'versions') }}
    from versions

),

known as (

    select
        {{ dbt_utils.generate_surrogate_key(['history.supplier_id', 'history.version_number']) }} as supplier_key,
        history.supplier_id,
        cast(history.version_number as integer) as version_number,
        history.supplier_name,
        history.country_code,
        countries.country_name,
        countries.un_region,
        countries.un_sub_region,
        history.region_name,
        history.city_name,
        countries.is_eu_member,
        history.is_blocked,
        history.is_marked_for_archiving,
        history.is_deleted,
        history.is_current,
        history.valid_from,
        history.valid_to,
        history.row_hash,
        history.source_ref,
        history.load_id,
        history.landed_at
    from history
    left join countries on history.country_code = countries.country_code

),

unknown as (

    select
        {{ unknown_member_key() }} as supplier_key,
        'unknown' as supplier_id,
        1 as version_number,
        'Unknown supplier' as supplier_name,
        null as country_code,
        null as country_name,
        null as un_region,
        null as un_sub_region,
        null as region_name,
        null as city_name,
        cast(null as boolean) as is_eu_member,
        false as is_blocked,
        false as is_marked_for_archiving,
        false as is_deleted,
        true as is_current,
        {{ history_start() }} as valid_from,
        {{ history_end() }} as valid_to,
        null as row_hash,
        null as source_ref,
        null as load_id,
        cast(null as {{ dbt.type_timestamp() }}) as landed_at

),

final as (

    select * from known
    union all
    select * from unknown

)

select * from final

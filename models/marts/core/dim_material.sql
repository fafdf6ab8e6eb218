with versions as (

    select * from {{ ref('snap_sap__materials') }}

),

history as (

    select
        versions.*,
        {{ scd2_columns('material_id', 'versions') }}
    from versions

),

known as (

    select
        {{ dbt_utils.generate_surrogate_key(['material_id', 'version_number']) }} as material_key,
        material_id,
        cast(version_number as integer) as version_number,
        material_name,
        material_type,
        material_group_id,
        base_unit,
        weight_unit,
        gross_weight,
        net_weight,
        is_marked_for_deletion,
        is_deleted,
        is_current,
        valid_from,
        valid_to,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from history

),

unknown as (

    select
        {{ unknown_member_key() }} as material_key,
        'unknown' as material_id,
        1 as version_number,
        'Unknown or no material' as material_name,
        null as material_type,
        null as material_group_id,
        null as base_unit,
        null as weight_unit,
        cast(null as decimal(13, 3)) as gross_weight,
        cast(null as decimal(13, 3)) as net_weight,
        false as is_marked_for_deletion,
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

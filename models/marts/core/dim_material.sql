with history as (

    {{ scd2_history(ref('snap_sap__materials'), 'material_id') }}

),

referenced as (

    select * from {{ ref('int_core__material_references') }}

),

members as (

    {{ scd2_members('material_id') }}

),

final as (

    select
        members.member_key as material_key,
        members.material_id,
        members.version_number,
        case
            when members.is_unknown then 'Unknown or no material'
            when members.is_inferred then 'Material that has not landed'
            else history.material_name
        end as material_name,
        history.material_type,
        history.material_group_id,
        history.base_unit,
        history.weight_unit,
        history.gross_weight,
        history.net_weight,
        coalesce(history.is_marked_for_deletion, false) as is_marked_for_deletion,
        members.is_deleted,
        members.is_inferred,
        members.is_current,
        members.valid_from,
        members.valid_to,
        history.row_hash,
        history.source_ref,
        history.load_id,
        history.landed_at
    from members
    left join history on members.dbt_scd_id = history.dbt_scd_id

)

select * from final

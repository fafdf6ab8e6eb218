with current_suppliers as (

    select
        supplier_id as member_id,
        supplier_name as member_name
    from {{ ref('dim_supplier') }}
    where is_current and not is_deleted and supplier_id <> 'unknown'

),

current_materials as (

    select
        material_id as member_id,
        material_name as member_name
    from {{ ref('dim_material') }}
    where is_current and not is_deleted and material_id <> 'unknown'

),

differences as (

    select
        'supplier' as dimension_name,
        coalesce(staged.supplier_id, current_suppliers.member_id) as member_id,
        staged.supplier_name as staged_name,
        current_suppliers.member_name as current_name
    from {{ ref('stg_sap__suppliers') }} as staged
    full outer join current_suppliers on staged.supplier_id = current_suppliers.member_id
    union all
    select
        'material' as dimension_name,
        coalesce(staged.material_id, current_materials.member_id) as member_id,
        staged.material_name as staged_name,
        current_materials.member_name as current_name
    from {{ ref('stg_sap__materials') }} as staged
    full outer join current_materials on staged.material_id = current_materials.member_id

)

select * from differences
where staged_name is distinct from current_name

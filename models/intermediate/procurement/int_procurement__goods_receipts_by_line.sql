with goods_receipts as (

    select * from {{ ref('int_procurement__goods_receipts_validated') }}
    where reason_codes is null

),

-- A reversal names the document it takes back. Only a full one makes the delivery not to have happened.
reversals as (

    select
        reversed_material_document_year as material_document_year,
        reversed_material_document_id as material_document_id,
        reversed_material_document_line_number as material_document_line_number,
        sum(moved_quantity) as reversed_quantity
    from goods_receipts
    where goods_movement_type = '102' and reversed_material_document_id is not null
    group by
        reversed_material_document_year,
        reversed_material_document_id,
        reversed_material_document_line_number

),

movements as (

    select
        goods_receipts.*,
        -- 101 receipt, 102 its reversal, 122 return to the supplier, 123 reversal of a return.
        case
            when goods_receipts.goods_movement_type in ('101', '123') then goods_receipts.moved_quantity
            when goods_receipts.goods_movement_type in ('102', '122') then -goods_receipts.moved_quantity
            else 0
        end as signed_quantity,
        goods_receipts.goods_movement_type = '101'
        and not goods_receipts.is_cancelled
        and coalesce(reversals.reversed_quantity, 0) < goods_receipts.moved_quantity as is_standing_receipt
    from goods_receipts
    left join reversals
        on goods_receipts.material_document_year = reversals.material_document_year
        and goods_receipts.material_document_id = reversals.material_document_id
        and goods_receipts.material_document_line_number = reversals.material_document_line_number
    where goods_receipts.purchase_order_id is not null

),

final as (

    select
        purchase_order_line_key,
        sum(signed_quantity) as received_quantity,
        count(case when is_standing_receipt then 1 end) as receipt_count,
        min(case when is_standing_receipt then posting_date end) as first_receipt_date,
        max(case when is_standing_receipt then posting_date end) as last_receipt_date,
        max(landed_at) as landed_at
    from movements
    group by purchase_order_line_key

)

select * from final

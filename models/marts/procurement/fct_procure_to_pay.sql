-- A table: as many rows as there are order lines, far below a million, and each can change with a record of two
-- sources.
{% set tolerance = var('match_tolerance_percent') ~ ' / 100.0' %}

with order_lines as (

    select * from {{ ref('fct_purchase_order_lines') }}

),

requisitions as (

    select * from {{ ref('int_procurement__requisitions_by_line') }}

),

invoices as (

    select * from {{ ref('int_procurement__invoices_by_line') }}

),

joined as (

    select
        order_lines.*,
        requisitions.requisition_submitted_date,
        requisitions.requisition_approved_date,
        coalesce(requisitions.requisition_line_count, 0) as requisition_line_count,
        coalesce(invoices.invoice_count, 0) as invoice_count,
        coalesce(invoices.invoiced_quantity, 0) as invoiced_quantity,
        invoices.invoice_currency_code,
        invoices.invoiced_amount,
        coalesce(invoices.invoiced_amount_gbp, 0) as invoiced_amount_gbp,
        coalesce(invoices.paid_amount_gbp, 0) as paid_amount_gbp,
        coalesce(invoices.open_invoice_line_count, 0) as open_invoice_line_count,
        invoices.first_invoice_date,
        invoices.last_invoice_date,
        invoices.due_date,
        invoices.paid_date,
        greatest(
            coalesce(requisitions.landed_at, invoices.landed_at), coalesce(invoices.landed_at, requisitions.landed_at)
        ) as oracle_landed_at,
        -- What the billed quantity would have cost at the order's price for the same quantity.
        cast(
            cast(invoices.invoiced_quantity as double) * cast(order_lines.net_price_amount as double)
            / order_lines.net_price_quantity as decimal(18, 4)
        ) as invoiced_at_order_price_amount
    from order_lines
    left join requisitions on order_lines.purchase_order_line_key = requisitions.purchase_order_line_key
    left join invoices on order_lines.purchase_order_line_key = invoices.purchase_order_line_key

),

matched as (

    select
        *,
        case
            when invoice_count > 0
                then abs(invoiced_quantity - received_quantity) <= received_quantity * {{ tolerance }}
        end as is_quantity_matched,
        -- Two currencies have no common price, so such a line is not matched either way.
        case
            when invoice_count > 0 and invoice_currency_code = currency_code
                then
                    abs(invoiced_amount - invoiced_at_order_price_amount)
                    <= abs(invoiced_at_order_price_amount) * {{ tolerance }}
        end as is_price_matched,
        case
            when is_deleted then 'cancelled'
            when invoice_count > 0 and open_invoice_line_count = 0 then 'paid'
            when invoice_count > 0 then 'invoiced'
            when received_quantity > 0 then 'received'
            else 'ordered'
        end as current_stage
    from joined

),

final as (

    select
        purchase_order_line_key,
        supplier_key,
        material_key,
        plant_key,
        tenant_id,
        purchase_order_id,
        purchase_order_line_number,
        supplier_id,
        material_id,
        plant_id,
        currency_code,
        order_unit,
        current_stage,
        order_quantity,
        received_quantity,
        cast(invoiced_quantity as decimal(18, 4)) as invoiced_quantity,
        net_amount,
        net_amount_gbp,
        -- Received at the order's price; a value that SAP posts differently is not ours to guess.
        cast(net_amount_gbp * (cast(received_quantity as double) / cast(order_quantity as double)) as decimal(18, 4))
            as received_amount_gbp,
        cast(invoiced_amount_gbp as decimal(18, 4)) as invoiced_amount_gbp,
        cast(paid_amount_gbp as decimal(18, 4)) as paid_amount_gbp,
        cast(requisition_line_count as integer) as requisition_line_count,
        cast(receipt_count as integer) as receipt_count,
        cast(invoice_count as integer) as invoice_count,
        cast({{ dbt.datediff('requisition_submitted_date', 'requisition_approved_date', 'day') }} as integer)
            as days_submitted_to_approved,
        cast({{ dbt.datediff('requisition_approved_date', 'purchase_order_date', 'day') }} as integer)
            as days_approved_to_ordered,
        cast({{ dbt.datediff('purchase_order_date', 'first_receipt_date', 'day') }} as integer)
            as days_ordered_to_received,
        cast({{ dbt.datediff('first_receipt_date', 'first_invoice_date', 'day') }} as integer)
            as days_received_to_invoiced,
        cast({{ dbt.datediff('first_invoice_date', 'paid_date', 'day') }} as integer) as days_invoiced_to_paid,
        cast({{ dbt.datediff('purchase_order_date', 'paid_date', 'day') }} as integer) as days_ordered_to_paid,
        cast({{ dbt.datediff('requisition_submitted_date', 'paid_date', 'day') }} as integer) as days_submitted_to_paid,
        requisition_line_count > 0 as has_requisition,
        is_quantity_matched,
        is_price_matched,
        is_quantity_matched and is_price_matched as is_three_way_matched,
        is_deleted,
        requisition_submitted_date,
        requisition_approved_date,
        purchase_order_date,
        scheduled_delivery_date,
        first_receipt_date,
        last_receipt_date,
        first_invoice_date,
        last_invoice_date,
        due_date,
        paid_date,
        row_hash,
        source_ref,
        load_id,
        landed_at,
        oracle_landed_at
    from matched

)

select * from final

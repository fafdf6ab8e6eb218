-- A view: it is always what its fact is, and costs nothing to build. BI tools that read it all day may ask for a table.
{{ config(materialized='view') }}

with lines as (

    select * from {{ ref('fct_order_lines') }}

),

profits as (

    select * from {{ ref('fct_unit_profit') }}

),

clients as (

    select * from {{ ref('dim_client') }}

),

products as (

    select * from {{ ref('dim_product') }}

),

employees as (

    select * from {{ ref('dim_employee') }}

),

tenants as (

    select * from {{ ref('dim_tenant') }}

),

final as (

    select
        lines.order_line_key,
        lines.order_id,
        lines.order_line_number,
        lines.customer_id,
        lines.client_id,
        clients.client_name,
        clients.industry_name,
        clients.country_code as client_country_code,
        clients.country_name as client_country_name,
        lines.product_id,
        products.sku,
        products.product_name,
        products.product_category,
        lines.tenant_id,
        tenants.tenant_name,
        lines.sales_rep_id,
        employees.job_profile as sales_rep_job_profile,
        employees.cost_center_id as sales_rep_cost_center_id,
        lines.order_status,
        lines.channel,
        lines.currency_code,
        lines.warning_codes,
        lines.ordered_quantity,
        lines.unit_price_amount,
        lines.gross_amount,
        lines.discount_amount,
        lines.tax_amount,
        lines.net_amount,
        lines.gross_amount_gbp,
        lines.discount_amount_gbp,
        lines.tax_amount_gbp,
        lines.net_amount_gbp,
        profits.revenue_amount_gbp,
        profits.cost_amount_gbp,
        profits.freight_amount_gbp,
        profits.incentive_amount_gbp,
        profits.contribution_amount_gbp,
        lines.is_shipped,
        lines.is_cancelled,
        lines.is_returned,
        lines.order_date,
        lines.ordered_at,
        lines.shipped_at,
        lines.delivered_at,
        lines.source_ref,
        lines.landed_at
    from lines
    left join profits on lines.order_line_key = profits.order_line_key
    left join clients on lines.client_key = clients.client_key
    left join products on lines.product_key = products.product_key
    left join employees on lines.employee_key = employees.employee_key
    left join tenants on lines.tenant_id = tenants.tenant_id

)

select * from final

with counted as (

    select
        (select count(*) from {{ ref('fct_order_lines') }}) as fact_lines,
        (select count(*) from {{ ref('fct_unit_profit') }}) as profit_lines,
        (select count(*) from {{ ref('obt_sales') }}) as table_lines,
        (
            select count(*)
            from {{ ref('fct_order_lines') }} as order_lines
            inner join {{ ref('fct_unit_profit') }} as profits
                on order_lines.order_id = profits.order_id and order_lines.order_line_number = profits.order_line_number
            where order_lines.order_line_key = profits.order_line_key and order_lines.client_key = profits.client_key
                and order_lines.product_key = profits.product_key and order_lines.employee_key = profits.employee_key
        ) as lines_in_both

)

select * from counted
where fact_lines <> profit_lines or fact_lines <> table_lines or fact_lines <> lines_in_both

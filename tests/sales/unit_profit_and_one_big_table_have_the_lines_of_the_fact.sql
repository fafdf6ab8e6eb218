with counted as (

    select
        (select count(*) from {{ ref('fct_order_lines') }}) as fact_lines,
        (select count(*) from {{ ref('fct_unit_profit') }}) as profit_lines,
        (select count(*) from {{ ref('obt_sales') }}) as table_lines,
        (
            select count(*)
            from {{ ref('fct_order_lines') }} as lines
            inner join {{ ref('fct_unit_profit') }} as profits
                on lines.order_id = profits.order_id and lines.order_line_number = profits.order_line_number
            where lines.order_line_key = profits.order_line_key and lines.client_key = profits.client_key
                and lines.product_key = profits.product_key and lines.employee_key = profits.employee_key
        ) as lines_in_both

)

select * from counted
where fact_lines <> profit_lines or fact_lines <> table_lines or fact_lines <> lines_in_both

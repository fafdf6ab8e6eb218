-- title: reference data that ends, or is about to
-- needs: exchange_rates
-- A currency without a rate sends its amounts to quarantine on the first day of the month.
select
    'exchange_rates' as subject,
    rates.currency_code as part,
    case when max(rates.valid_to_date) <= current_date then 'error' else 'warning' end as severity,
    'exchange rates of ' || rates.currency_code || ' end on ' || max(rates.valid_to_date) as headline,
    'add the next months to seeds/reference/exchange_rates.csv; amounts without a rate wait in quarantine' as detail,
    'exchange_rates' as node,
    -- Who has to act stands in the seed's meta; its group is that of all seeds.
    'finance-data' as owner_team
from {exchange_rates} as rates
group by rates.currency_code
having max(rates.valid_to_date) <= current_date + 7

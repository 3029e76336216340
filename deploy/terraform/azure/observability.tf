# What looks at Weir: Container Insights with ContainerLogV2 into Log Analytics, managed Prometheus, managed Grafana.
# All of it is there where enable_observability is true.

locals {
  observed = var.enable_observability ? 1 : 0

  # The mission's questions and more, over ContainerLogV2; rendered by `weir export kusto`.
  functions = { for one in jsondecode(file("${path.module}/../../../observability/azure/llm-functions.json")) : one.alias => one }

  streams = ["Microsoft-ContainerLogV2", "Microsoft-KubeEvents", "Microsoft-KubePodInventory", "Microsoft-InsightsMetrics"]

  # Of Weir's container, lines of Records only.
  records = "source | where PodNamespace != '${var.namespace}' or ContainerName != '${var.app}' or tostring(LogMessage) has 'llm-metrics'"
}

# --- lines

resource "azurerm_log_analytics_workspace" "this" {
  count = local.observed

  name                = "${var.name}-logs"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  sku                 = "PerGB2018"
  retention_in_days   = var.retention_days
  tags                = var.tags
}

# Long-term storage of the lines.
resource "azurerm_log_analytics_workspace_table" "lines" {
  count = local.observed

  name                    = "ContainerLogV2"
  workspace_id            = azurerm_log_analytics_workspace.this[0].id
  plan                    = "Analytics"
  retention_in_days       = var.retention_days
  total_retention_in_days = max(var.retention_days, var.total_retention_days)
}

# The name is what the agent's own tools look for.
resource "azurerm_monitor_data_collection_rule" "lines" {
  count = local.observed

  name                = "MSCI-${azurerm_resource_group.this.location}-${azurerm_kubernetes_cluster.this.name}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  kind                = "Linux"
  tags                = var.tags

  data_sources {
    extension {
      name           = "ContainerInsightsExtension"
      extension_name = "ContainerInsights"
      streams        = local.streams
      extension_json = jsonencode({
        dataCollectionSettings = {
          interval               = "1m"
          namespaceFilteringMode = "Off"
          enableContainerLogV2   = true
        }
      })
    }
  }

  destinations {
    log_analytics {
      name                  = "workspace"
      workspace_resource_id = azurerm_log_analytics_workspace.this[0].id
    }
  }

  data_flow {
    streams       = ["Microsoft-ContainerLogV2"]
    destinations  = ["workspace"]
    transform_kql = var.only_records ? local.records : "source"
  }

  data_flow {
    streams      = [for stream in local.streams : stream if stream != "Microsoft-ContainerLogV2"]
    destinations = ["workspace"]
  }
}

resource "azurerm_monitor_data_collection_rule_association" "lines" {
  count = local.observed

  name                    = "ContainerInsightsExtension"
  target_resource_id      = azurerm_kubernetes_cluster.this.id
  data_collection_rule_id = azurerm_monitor_data_collection_rule.lines[0].id
}

resource "azurerm_log_analytics_saved_search" "llm" {
  for_each = var.enable_observability ? local.functions : {}

  name                       = each.key
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this[0].id
  category                   = each.value.category
  display_name               = each.value.description
  query                      = each.value.query
  function_alias             = each.key
  function_parameters        = each.value.parameters
  tags                       = var.tags
}

# An organization spends too much. Sums are over all requests, failed and cancelled ones among them.
resource "azurerm_monitor_scheduled_query_rules_alert_v2" "cost" {
  count = local.observed

  name                 = "${var.name}-cost-per-hour"
  display_name         = "LlmCostPerHour"
  description          = "An organization spends more than ${var.cost_per_hour_usd} USD within an hour."
  location             = azurerm_resource_group.this.location
  resource_group_name  = azurerm_resource_group.this.name
  scopes               = [azurerm_log_analytics_workspace.this[0].id]
  evaluation_frequency = "PT5M"
  window_duration      = "PT1H"
  severity             = 2
  tags                 = var.tags

  criteria {
    query                   = "LlmRequests | summarize cost_usd = sum(cost_usd) by organization"
    time_aggregation_method = "Maximum"
    metric_measure_column   = "cost_usd"
    operator                = "GreaterThan"
    threshold               = var.cost_per_hour_usd

    dimension {
      name     = "organization"
      operator = "Include"
      values   = ["*"]
    }
  }

  depends_on = [azurerm_log_analytics_saved_search.llm]
}

# --- counters

resource "azurerm_monitor_workspace" "this" {
  count = local.observed

  name                = "${var.name}-metrics"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = var.tags
}

resource "azurerm_monitor_data_collection_endpoint" "metrics" {
  count = local.observed

  name                = "MSProm-${azurerm_resource_group.this.location}-${var.name}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  kind                = "Linux"
  tags                = var.tags
}

resource "azurerm_monitor_data_collection_rule" "metrics" {
  count = local.observed

  name                        = "MSProm-${azurerm_resource_group.this.location}-${var.name}"
  location                    = azurerm_resource_group.this.location
  resource_group_name         = azurerm_resource_group.this.name
  data_collection_endpoint_id = azurerm_monitor_data_collection_endpoint.metrics[0].id
  kind                        = "Linux"
  tags                        = var.tags

  data_sources {
    prometheus_forwarder {
      name    = "PrometheusDataSource"
      streams = ["Microsoft-PrometheusMetrics"]
    }
  }

  destinations {
    monitor_account {
      name               = "metrics"
      monitor_account_id = azurerm_monitor_workspace.this[0].id
    }
  }

  data_flow {
    streams      = ["Microsoft-PrometheusMetrics"]
    destinations = ["metrics"]
  }
}

resource "azurerm_monitor_data_collection_rule_association" "metrics" {
  count = local.observed

  name                    = "prometheus"
  target_resource_id      = azurerm_kubernetes_cluster.this.id
  data_collection_rule_id = azurerm_monitor_data_collection_rule.metrics[0].id
}

# --- Grafana

resource "azurerm_dashboard_grafana" "this" {
  count = local.observed

  name                  = "${var.name}-grafana"
  location              = azurerm_resource_group.this.location
  resource_group_name   = azurerm_resource_group.this.name
  grafana_major_version = var.grafana_major_version
  tags                  = var.tags

  identity {
    type = "SystemAssigned"
  }

  azure_monitor_workspace_integrations {
    resource_id = azurerm_monitor_workspace.this[0].id
  }
}

resource "azurerm_role_assignment" "grafana_reads_metrics" {
  count = local.observed

  scope                = azurerm_monitor_workspace.this[0].id
  role_definition_name = "Monitoring Data Reader"
  principal_id         = azurerm_dashboard_grafana.this[0].identity[0].principal_id
}

resource "azurerm_role_assignment" "grafana_reads_lines" {
  count = local.observed

  scope                = azurerm_log_analytics_workspace.this[0].id
  role_definition_name = "Log Analytics Reader"
  principal_id         = azurerm_dashboard_grafana.this[0].identity[0].principal_id
}

resource "azurerm_role_assignment" "grafana_admin" {
  for_each = var.enable_observability ? var.grafana_admins : toset([])

  scope                = azurerm_dashboard_grafana.this[0].id
  role_definition_name = "Grafana Admin"
  principal_id         = each.value
}
